-- title: nobody makes themselves administrator or rich
-- group: access
-- when: Balances or roles changed and nobody did it; after a migration of profiles.
-- requires: public.profiles
-- param: protected_columns = role,is_approved,credits_balance,total_credits_earned,total_credits_spent,referred_by,badges
-- verdict: count
-- crit: 1
-- key: column_name
-- noun: protected columns
-- evidence: SELECT count(*) AS examined FROM pg_attribute a WHERE a.attrelid = 'public.profiles'::regclass
--   AND a.attnum > 0 AND NOT a.attisdropped AND a.attname = ANY (string_to_array(coalesce(nullif(
--   current_setting('kulti_ops.protected_columns', true), ''),
--   'role,is_approved,credits_balance,total_credits_earned,total_credits_spent,referred_by,badges'), ','))
-- finding: {role} may set {column_name} on the own row ({policy})
-- explanation: Row security chooses rows, not columns: who may update the own profile may set every
--   column that the role holds UPDATE on. A policy for administrators only is left out, one
--   for the own row or administrators is not. Take the right away per column
--   (REVOKE UPDATE, GRANT UPDATE (…)), or check the change in a trigger: that is not looked at here.
-- next: kulti-ops runbook explain self-updatable-columns
SELECT r.rolname::text AS role, 'public.profiles.' || a.attname AS column_name,
       coalesce((SELECT 'policy ' || min(p.polname::text) FROM pg_policy p
                  WHERE p.polrelid = c.oid AND p.polpermissive AND p.polcmd IN ('w', '*')
                    AND (p.polroles = '{0}' OR r.oid = ANY (p.polroles))
                    AND (pg_get_expr(p.polqual, p.polrelid) NOT LIKE '%is_admin()%' OR pg_get_expr(p.polqual, p.polrelid) LIKE '% OR %')), 'no row security') AS policy
  FROM pg_class c
  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
  JOIN pg_roles r ON r.rolname IN ('anon', 'authenticated')
       AND has_column_privilege(r.oid, c.oid, a.attnum, 'UPDATE')
 WHERE c.oid = 'public.profiles'::regclass
   AND a.attname = ANY (string_to_array(coalesce(nullif(current_setting('kulti_ops.protected_columns', true), ''),
         'role,is_approved,credits_balance,total_credits_earned,total_credits_spent,referred_by,badges'), ','))
   AND (NOT c.relrowsecurity OR EXISTS (
         SELECT 1 FROM pg_policy p
          WHERE p.polrelid = c.oid AND p.polpermissive AND p.polcmd IN ('w', '*')
            AND (p.polroles = '{0}' OR r.oid = ANY (p.polroles))
            AND (pg_get_expr(p.polqual, p.polrelid) NOT LIKE '%is_admin()%' OR pg_get_expr(p.polqual, p.polrelid) LIKE '% OR %')
            -- auth.uid() is nobody's for anon: such a policy lets only those in who signed in
            AND (r.rolname = 'authenticated' OR pg_get_expr(p.polqual, p.polrelid) NOT LIKE '%uid()%')))
 ORDER BY a.attnum, r.rolname
