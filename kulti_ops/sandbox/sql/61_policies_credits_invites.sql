-- RLS and policies of 21_tables_credits.sql and 22_tables_invites.sql.
SET ROLE postgres;

ALTER TABLE public.credit_transactions ENABLE ROW LEVEL SECURITY;
CREATE POLICY "Service role can insert transactions" ON public.credit_transactions
    FOR INSERT TO service_role WITH CHECK (true);
CREATE POLICY "Users can view their own transactions" ON public.credit_transactions
    FOR SELECT USING (auth.uid() = user_id);
CREATE POLICY "Admins can view all transactions" ON public.credit_transactions
    FOR SELECT USING (public.is_admin());

ALTER TABLE public.credit_milestones ENABLE ROW LEVEL SECURITY;
CREATE POLICY "Users can view their own milestones" ON public.credit_milestones
    FOR SELECT USING (auth.uid() = user_id);

ALTER TABLE public.invites ENABLE ROW LEVEL SECURITY;
CREATE POLICY "Users can create invites" ON public.invites
    FOR INSERT WITH CHECK (auth.uid() = created_by);
CREATE POLICY "Users can delete their unused invites" ON public.invites
    FOR DELETE USING (auth.uid() = created_by AND current_uses = 0);
CREATE POLICY "Users can view their own invites" ON public.invites
    FOR SELECT USING (auth.uid() = created_by);
CREATE POLICY "Admins can view all invites" ON public.invites
    FOR SELECT USING (public.is_admin());
CREATE POLICY "Anyone can validate an active code" ON public.invites
    FOR SELECT TO anon USING (is_active = true);
CREATE POLICY "Signed-in users can look up active codes" ON public.invites
    FOR SELECT TO authenticated USING (is_active = true);
CREATE POLICY "Users can update their own invites" ON public.invites
    FOR UPDATE USING (auth.uid() = created_by);

ALTER TABLE public.invite_uses ENABLE ROW LEVEL SECURITY;
CREATE POLICY "Users can record their own use" ON public.invite_uses
    FOR INSERT WITH CHECK (auth.uid() = used_by);
CREATE POLICY "Admins can delete uses" ON public.invite_uses
    FOR DELETE USING (public.is_admin());
CREATE POLICY "Creators and users can view uses" ON public.invite_uses
    FOR SELECT USING (
        auth.uid() = used_by
        OR EXISTS (SELECT 1 FROM public.invites i
                   WHERE i.id = invite_id AND i.created_by = auth.uid()));
CREATE POLICY "Admins can update uses" ON public.invite_uses
    FOR UPDATE USING (public.is_admin());

RESET ROLE;
