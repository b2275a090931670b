-- RLS and policies of 28_tables_ai_galleries.sql: agents write through the service role.
SET ROLE postgres;

ALTER TABLE public.ai_architecture_gallery ENABLE ROW LEVEL SECURITY;
CREATE POLICY "Service role can add to the architecture gallery" ON public.ai_architecture_gallery
    FOR INSERT TO service_role WITH CHECK (true);
CREATE POLICY "The architecture gallery is visible to everyone" ON public.ai_architecture_gallery
    FOR SELECT USING (true);
CREATE POLICY "Service role can update the architecture gallery" ON public.ai_architecture_gallery
    FOR UPDATE TO service_role USING (true);

ALTER TABLE public.ai_art_gallery ENABLE ROW LEVEL SECURITY;
CREATE POLICY "Service role can add to the art gallery" ON public.ai_art_gallery
    FOR INSERT TO service_role WITH CHECK (true);
CREATE POLICY "The art gallery is visible to everyone" ON public.ai_art_gallery
    FOR SELECT USING (is_public = true);
CREATE POLICY "Service role can update the art gallery" ON public.ai_art_gallery
    FOR UPDATE TO service_role USING (true);

ALTER TABLE public.ai_fashion_gallery ENABLE ROW LEVEL SECURITY;
CREATE POLICY "Service role can add to the fashion gallery" ON public.ai_fashion_gallery
    FOR INSERT TO service_role WITH CHECK (true);
CREATE POLICY "The fashion gallery is visible to everyone" ON public.ai_fashion_gallery
    FOR SELECT USING (true);
CREATE POLICY "Service role can update the fashion gallery" ON public.ai_fashion_gallery
    FOR UPDATE TO service_role USING (true);

ALTER TABLE public.ai_jewelry_gallery ENABLE ROW LEVEL SECURITY;
CREATE POLICY "Service role can add to the jewelry gallery" ON public.ai_jewelry_gallery
    FOR INSERT TO service_role WITH CHECK (true);
CREATE POLICY "The jewelry gallery is visible to everyone" ON public.ai_jewelry_gallery
    FOR SELECT USING (true);
CREATE POLICY "Service role can update the jewelry gallery" ON public.ai_jewelry_gallery
    FOR UPDATE TO service_role USING (true);

ALTER TABLE public.ai_music_gallery ENABLE ROW LEVEL SECURITY;
CREATE POLICY "Service role can add to the music gallery" ON public.ai_music_gallery
    FOR INSERT TO service_role WITH CHECK (true);
CREATE POLICY "The music gallery is visible to everyone" ON public.ai_music_gallery
    FOR SELECT USING (is_public = true);
CREATE POLICY "Service role can update the music gallery" ON public.ai_music_gallery
    FOR UPDATE TO service_role USING (true);

ALTER TABLE public.ai_photo_gallery ENABLE ROW LEVEL SECURITY;
CREATE POLICY "Service role can add to the photo gallery" ON public.ai_photo_gallery
    FOR INSERT TO service_role WITH CHECK (true);
CREATE POLICY "The photo gallery is visible to everyone" ON public.ai_photo_gallery
    FOR SELECT USING (is_public = true);
CREATE POLICY "Service role can update the photo gallery" ON public.ai_photo_gallery
    FOR UPDATE TO service_role USING (true);

ALTER TABLE public.ai_shader_gallery ENABLE ROW LEVEL SECURITY;
CREATE POLICY "Service role can add to the shader gallery" ON public.ai_shader_gallery
    FOR INSERT TO service_role WITH CHECK (true);
CREATE POLICY "The shader gallery is visible to everyone" ON public.ai_shader_gallery
    FOR SELECT USING (is_public = true);
CREATE POLICY "Service role can update the shader gallery" ON public.ai_shader_gallery
    FOR UPDATE TO service_role USING (true);

ALTER TABLE public.ai_video_gallery ENABLE ROW LEVEL SECURITY;
CREATE POLICY "Service role can add to the video gallery" ON public.ai_video_gallery
    FOR INSERT TO service_role WITH CHECK (true);
CREATE POLICY "The video gallery is visible to everyone" ON public.ai_video_gallery
    FOR SELECT USING (is_public = true);
CREATE POLICY "Service role can update the video gallery" ON public.ai_video_gallery
    FOR UPDATE TO service_role USING (true);

ALTER TABLE public.ai_writing_gallery ENABLE ROW LEVEL SECURITY;
CREATE POLICY "Service role can add to the writing gallery" ON public.ai_writing_gallery
    FOR INSERT TO service_role WITH CHECK (true);
CREATE POLICY "The writing gallery is visible to everyone" ON public.ai_writing_gallery
    FOR SELECT USING (true);
CREATE POLICY "Service role can update the writing gallery" ON public.ai_writing_gallery
    FOR UPDATE TO service_role USING (true);

RESET ROLE;
