-- title: every login has an identity to sign in with
-- group: accounts
-- source: platform 2, critical tables: auth.users + auth.identities are the logins
-- requires: auth.users, auth.identities
SELECT u.id AS user_id, u.created_at
  FROM auth.users u
 WHERE u.deleted_at IS NULL AND NOT u.is_sso_user AND NOT u.is_anonymous
   AND NOT EXISTS (SELECT 1 FROM auth.identities i WHERE i.user_id = u.id)
