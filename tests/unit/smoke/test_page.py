from __future__ import annotations

import pytest

from kulti_ops.message import Response
from kulti_ops.smoke.page import judge_integrity, own_scripts, read_page
from kulti_ops.smoke.results import Result
from tests.unit.smoke.support import URL, response


def integrity(html: str, *, strict: bool = False, url: str = URL) -> Result:
    page = response(body=html.encode(), url=url)
    return judge_integrity(page, read_page(html), strict=strict).result


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


@pytest.mark.parametrize(
    ("html", "lenient", "strict"),
    [
        (("<script src=http://b.test/a.js integrity=sha384-x></script>"
         "<script src=https://c.test/a.js></script>"), Result.SRI_MISSING, Result.SRI_INSECURE),
        ("<script src=https://b.test/a.js integrity=md5-x></script>", Result.SRI_EXTERNAL,
         Result.SRI_MISSING),
        ("<script src=https://b.test/a.js integrity=' x sha384-YWJj?z '></script>",
         Result.SRI_EXTERNAL, Result.SRI_EXTERNAL),
        (("<script src=https://b.test/a.js integrity=sha384-YWJj></script>"
         "<script src=/a.js integrity=sha384-YWJj></script>"), Result.SRI_ALL, Result.SRI_ALL),
    ],
)  # fmt: skip
def test_integrity_profile_kulti_is_stricter(html: str, lenient: Result, strict: Result) -> None:
    assert (integrity(html), integrity(html, strict=True)) == (lenient, strict)


def test_integrity_name_below_a_shared_suffix_is_another_site_in_the_strict_profile() -> None:
    html, url = "<script src=https://b.vercel.app/a.js></script>", "https://a.vercel.app/"
    assert integrity(html, url=url) is Result.SRI_SAME_ORIGIN
    assert integrity(html, url=url, strict=True) is Result.SRI_MISSING


def test_integrity_of_what_is_no_html_is_none_of_its_business() -> None:
    answer = Response(url=URL, status=200, headers=(("Content-Type", "application/json"),))
    assert judge_integrity(answer, read_page(""), strict=True).result is Result.SRI_NOT_HTML


def test_integrity_of_a_cut_page_is_not_seen() -> None:
    answer = Response(url=URL, status=200, headers=(("Content-Type", "text/html"),), truncated=True)
    assert judge_integrity(answer, read_page(""), strict=True).result is Result.NOT_SEEN


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
