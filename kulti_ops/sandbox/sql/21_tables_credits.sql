-- public: the ledger and the milestones that stop double bonuses.
SET ROLE postgres;

CREATE TABLE public.credit_transactions (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    user_id uuid NOT NULL,
    amount integer NOT NULL,
    balance_after integer NOT NULL
        CONSTRAINT credit_transactions_balance_after_check CHECK (balance_after >= 0),
    type text NOT NULL CONSTRAINT credit_transactions_type_check CHECK (type = ANY (ARRAY[
        'earned_watching', 'earned_hosting', 'earned_chatting', 'earned_helping',
        'bonus_milestone', 'bonus_completion', 'bonus_first_session',
        'referral_bonus', 'received_tip',
        'spent_feature', 'spent_tipping', 'spent_priority_join', 'spent_recording',
        'admin_adjustment'])),
    source_session_id uuid,
    metadata jsonb DEFAULT '{}'::jsonb,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE public.credit_milestones (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    user_id uuid NOT NULL,
    -- No streak milestones here, although update_streak() inserts some: it fails on this check.
    milestone_type text NOT NULL CONSTRAINT credit_milestones_milestone_type_check
        CHECK (milestone_type = ANY (ARRAY[
            'first_session', 'first_stream',
            'sessions_attended_10', 'sessions_attended_50', 'sessions_attended_100',
            'hours_watched_10', 'hours_watched_50', 'hours_watched_100',
            'sessions_hosted_10', 'sessions_hosted_50',
            'hours_streamed_10', 'hours_streamed_50',
            'first_regular_viewer', 'regular_viewers_10'])),
    achieved_at timestamptz DEFAULT now(),
    credits_awarded integer NOT NULL
);

RESET ROLE;
