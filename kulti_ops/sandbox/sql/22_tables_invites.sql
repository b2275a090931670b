-- public: invite codes and their uses. Nothing makes (invite_id, used_by) unique: that is
-- an invariant to watch, not a constraint.
SET ROLE postgres;

CREATE TABLE public.invites (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    code text NOT NULL,
    created_by uuid,
    max_uses integer DEFAULT 1
        CONSTRAINT invites_max_uses_check CHECK (max_uses > 0),
    current_uses integer DEFAULT 0,
    expires_at timestamptz,
    is_active boolean DEFAULT true,
    metadata jsonb DEFAULT '{}'::jsonb,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT invites_current_uses_check CHECK (current_uses >= 0 AND current_uses <= max_uses)
);

CREATE TABLE public.invite_uses (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    invite_id uuid NOT NULL,
    used_by uuid NOT NULL,
    used_at timestamptz DEFAULT now(),
    metadata jsonb DEFAULT '{}'::jsonb
);

RESET ROLE;
