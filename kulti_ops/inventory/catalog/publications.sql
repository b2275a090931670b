-- Publications: what they publish.
SELECT 'publication' AS kind, quote_ident(p.pubname) AS identity, 'pg_publication'::regclass::oid AS classid, p.oid AS objid,
       jsonb_build_object('owner', pg_get_userbyid(p.pubowner), 'all tables', p.puballtables,
         'publishes', concat_ws(', ', CASE WHEN p.pubinsert THEN 'insert' END, CASE WHEN p.pubupdate THEN 'update' END,
             CASE WHEN p.pubdelete THEN 'delete' END, CASE WHEN p.pubtruncate THEN 'truncate' END),
         'via root', p.pubviaroot,
         'tables', (SELECT string_agg(concat_ws(' ', r.prrelid::regclass::text,
              (SELECT '(' || string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) || ')' FROM pg_attribute a
                WHERE a.attrelid = r.prrelid AND a.attnum = ANY (r.prattrs)),
              'WHERE ' || pg_get_expr(r.prqual, r.prrelid)), '; ' ORDER BY r.prrelid::regclass::text)
              FROM pg_publication_rel r WHERE r.prpubid = p.oid),
         'schemas', (SELECT string_agg(s.pnnspid::regnamespace::text, ', ' ORDER BY s.pnnspid::regnamespace::text)
              FROM pg_publication_namespace s WHERE s.pnpubid = p.oid),
         'comment', obj_description(p.oid, 'pg_publication')) AS attributes
  FROM pg_publication p
 WHERE NOT EXISTS (SELECT 1 FROM pg_depend e WHERE e.deptype = 'e' AND e.classid = 'pg_publication'::regclass AND e.objid = p.oid)
