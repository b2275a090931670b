from __future__ import annotations

import pytest

from kulti_ops.message import Response
from kulti_ops.smoke.page import judge_integrity, own_scripts, read_page
from kulti_ops.smoke.results import Result
from tests.unit.smoke.support import URL, response


def integrity(html: str) -> Result:
    return judge_integrity(response(body=html.encode()), read_page(html)).result


@pytest.mark.parametrize(
    ("html", "result"),
    [
        ("<p>", Result.SRI_NO_SCRIPTS),
        ("<script>1</script>", Result.SRI_SAME_ORIGIN),
        ("<script src=/a.js></script>", Result.SRI_SAME_ORIGIN),
        ("<script src=/a.js integrity=sha384-x></script>", Result.SRI_ALL),
        ("<script src=https://cdn.kulti.example/a.js></script>", Result.SRI_SAME_ORIGIN),
        ("<script src=https://b.test/a.js></script>", Result.SRI_MISSING),
        ("<script src=https://b.test/a.js integrity=sha384-x></script>", Result.SRI_EXTERNAL),
        ("<script src=http://b.test/a.js integrity=sha384-x></script>", Result.SRI_INSECURE),
        ("<script src=http://b.test/a.js></script>", Result.SRI_MISSING_INSECURE),
        ("<script src=//b.test/a.js></script>", Result.SRI_MISSING_INSECURE),
        ("<script src=//b.test/a.js integrity=sha384-x></script>", Result.SRI_INSECURE),
        ("<SCRIPT SRC='https://b.test/a.js' INTEGRITY=x></SCRIPT><script src=https://c.test/a.js>",
         Result.SRI_MISSING),
    ],
)  # fmt: skip
def test_integrity_worst_script_counts(html: str, result: Result) -> None:
    assert integrity(html) is result


def test_integrity_of_what_is_no_html_is_none_of_its_business() -> None:
    answer = Response(url=URL, status=200, headers=(("Content-Type", "application/json"),))
    assert judge_integrity(answer, read_page("")).result is Result.SRI_NOT_HTML


def test_integrity_of_a_cut_page_is_not_seen() -> None:
    answer = Response(url=URL, status=200, headers=(("Content-Type", "text/html"),), truncated=True)
    assert judge_integrity(answer, read_page("")).result is Result.NOT_SEEN


def test_page_policies_and_title_are_read() -> None:
    page = read_page(
        "<title> A\n b</title><meta http-equiv=Content-Security-Policy content='img-src *'>"
        "<meta name=referrer content=origin>"
    )
    assert (page.title, page.meta_csp, page.meta_referrer) == ("A b", ("img-src *",), ("origin",))


def test_page_own_scripts_are_paths_of_the_site() -> None:
    page = read_page(
        "<script src=/a.js></script><script src=//x.test/b.js></script>"
        "<script src=https://kulti.example/c.js?v=1></script>"
    )
    assert list(own_scripts(page, URL)) == ["/a.js", "/c.js"]
