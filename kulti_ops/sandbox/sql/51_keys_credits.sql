-- Primary keys, unique constraints and indexes of 21_tables_credits.sql and 22_tables_invites.sql.
SET ROLE postgres;

ALTER TABLE public.credit_transactions
    ADD CONSTRAINT credit_transactions_pkey PRIMARY KEY (id);
CREATE INDEX idx_credit_transactions_user_created
    ON public.credit_transactions (user_id, created_at DESC);
CREATE INDEX idx_credit_transactions_type ON public.credit_transactions (type);
CREATE INDEX idx_credit_transactions_user_type ON public.credit_transactions (user_id, type);
CREATE INDEX idx_credit_transactions_session ON public.credit_transactions (source_session_id)
    WHERE source_session_id IS NOT NULL;
CREATE INDEX idx_credit_transactions_created ON public.credit_transactions (created_at DESC);
CREATE INDEX idx_credit_transactions_tip_sender
    ON public.credit_transactions ((metadata ->> 'fromUserId')) WHERE type = 'received_tip';

ALTER TABLE public.credit_milestones
    ADD CONSTRAINT credit_milestones_pkey PRIMARY KEY (id),
    ADD CONSTRAINT credit_milestones_user_id_milestone_type_key UNIQUE (user_id, milestone_type);
CREATE INDEX idx_credit_milestones_user ON public.credit_milestones (user_id);
CREATE INDEX idx_credit_milestones_type ON public.credit_milestones (milestone_type);

ALTER TABLE public.invites
    ADD CONSTRAINT invites_pkey PRIMARY KEY (id),
    ADD CONSTRAINT invites_code_key UNIQUE (code);
CREATE INDEX idx_invites_created_by ON public.invites (created_by);
CREATE INDEX idx_invites_active ON public.invites (code) WHERE is_active = true;
CREATE INDEX idx_invites_expires ON public.invites (expires_at) WHERE expires_at IS NOT NULL;

ALTER TABLE public.invite_uses ADD CONSTRAINT invite_uses_pkey PRIMARY KEY (id);
CREATE INDEX idx_invite_uses_invite ON public.invite_uses (invite_id);
CREATE INDEX idx_invite_uses_used_by ON public.invite_uses (used_by);
CREATE INDEX idx_invite_uses_used_at ON public.invite_uses (used_at DESC);
CREATE INDEX idx_invite_uses_invite_user ON public.invite_uses (invite_id, used_by);
CREATE INDEX idx_invite_uses_user_used_at ON public.invite_uses (used_by, used_at DESC);

RESET ROLE;
