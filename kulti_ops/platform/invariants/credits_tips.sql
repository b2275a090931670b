-- title: every tip was debited and credited
-- group: credits
-- source: platform 3 (e)
-- requires: public.credit_transactions
-- explanation: A tip is two calls of add_credits and not atomic: the debit can succeed
--   without the credit. Tips are matched by sender, recipient and amount.
SELECT coalesce(s.sender, r.sender) AS sender,
       coalesce(s.recipient, r.recipient) AS recipient,
       coalesce(s.amount, r.amount) AS amount,
       coalesce(s.n, 0) AS debits,
       coalesce(r.n, 0) AS credits
  FROM (
    SELECT user_id::text AS sender, coalesce(metadata ->> 'recipientId', '') AS recipient,
           -amount AS amount, count(*) AS n
      FROM public.credit_transactions WHERE type = 'spent_tipping' GROUP BY 1, 2, 3
  ) s
  FULL JOIN (
    SELECT coalesce(metadata ->> 'fromUserId', '') AS sender, user_id::text AS recipient,
           amount, count(*) AS n
      FROM public.credit_transactions WHERE type = 'received_tip' GROUP BY 1, 2, 3
  ) r ON r.sender = s.sender AND r.recipient = s.recipient AND r.amount = s.amount
 WHERE s.n IS DISTINCT FROM r.n
