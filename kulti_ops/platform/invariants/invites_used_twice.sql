-- title: nobody used a code twice
-- group: invites
-- source: platform 5: (invite_id, used_by) is unique, without a constraint
-- requires: public.invite_uses
SELECT invite_id, used_by, count(*) AS uses
  FROM public.invite_uses
 GROUP BY invite_id, used_by
HAVING count(*) > 1
