-- title: every ended session paid what it says
-- group: credits
-- source: platform 3 (g)
-- requires: public.sessions, public.session_participants, public.credit_transactions
-- explanation: total_credits_distributed, the participants' credits_earned and the earned_*
--   rows of the ledger are the same sum. Twice as much in the ledger means that the session
--   was ended twice before credits_calculated was set.
SELECT s.id AS session_id, s.total_credits_distributed,
       coalesce(p.earned, 0) AS participants_earned,
       coalesce(t.paid, 0) AS ledger_paid
  FROM public.sessions s
  LEFT JOIN (
    SELECT session_id, sum(credits_earned) AS earned
      FROM public.session_participants GROUP BY session_id
  ) p ON p.session_id = s.id
  LEFT JOIN (
    SELECT source_session_id, sum(amount) AS paid
      FROM public.credit_transactions
     WHERE type IN ('earned_watching', 'earned_hosting', 'earned_chatting', 'earned_helping')
       AND source_session_id IS NOT NULL
     GROUP BY source_session_id
  ) t ON t.source_session_id = s.id
 WHERE s.status = 'ended'
   AND (coalesce(s.total_credits_distributed, 0) <> coalesce(p.earned, 0)
        OR coalesce(p.earned, 0) <> coalesce(t.paid, 0))
