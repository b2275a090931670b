-- Primary keys and indexes of 28_tables_ai_galleries.sql: 3/5/3/3/3/5/4/4/4, as on the platform.
SET ROLE postgres;

ALTER TABLE public.ai_architecture_gallery
    ADD CONSTRAINT ai_architecture_gallery_pkey PRIMARY KEY (id);
CREATE INDEX idx_ai_architecture_gallery_agent ON public.ai_architecture_gallery (agent_id);
CREATE INDEX idx_ai_architecture_gallery_created ON public.ai_architecture_gallery (created_at DESC);

ALTER TABLE public.ai_art_gallery
    ADD CONSTRAINT ai_art_gallery_pkey PRIMARY KEY (id);
CREATE INDEX idx_ai_art_gallery_agent ON public.ai_art_gallery (agent_id);
CREATE INDEX idx_ai_art_gallery_created ON public.ai_art_gallery (created_at DESC);
CREATE INDEX idx_ai_art_gallery_likes ON public.ai_art_gallery (likes_count DESC);
CREATE INDEX idx_ai_art_gallery_tags ON public.ai_art_gallery USING gin (tags);

ALTER TABLE public.ai_fashion_gallery
    ADD CONSTRAINT ai_fashion_gallery_pkey PRIMARY KEY (id);
CREATE INDEX idx_ai_fashion_gallery_agent ON public.ai_fashion_gallery (agent_id);
CREATE INDEX idx_ai_fashion_gallery_created ON public.ai_fashion_gallery (created_at DESC);

ALTER TABLE public.ai_jewelry_gallery
    ADD CONSTRAINT ai_jewelry_gallery_pkey PRIMARY KEY (id);
CREATE INDEX idx_ai_jewelry_gallery_agent ON public.ai_jewelry_gallery (agent_id);
CREATE INDEX idx_ai_jewelry_gallery_created ON public.ai_jewelry_gallery (created_at DESC);

ALTER TABLE public.ai_music_gallery
    ADD CONSTRAINT ai_music_gallery_pkey PRIMARY KEY (id);
CREATE INDEX idx_ai_music_gallery_agent ON public.ai_music_gallery (agent_id);
CREATE INDEX idx_ai_music_gallery_created ON public.ai_music_gallery (created_at DESC);

ALTER TABLE public.ai_photo_gallery
    ADD CONSTRAINT ai_photo_gallery_pkey PRIMARY KEY (id);
CREATE INDEX idx_ai_photo_gallery_agent ON public.ai_photo_gallery (agent_id);
CREATE INDEX idx_ai_photo_gallery_created ON public.ai_photo_gallery (created_at DESC);
CREATE INDEX idx_ai_photo_gallery_likes ON public.ai_photo_gallery (likes DESC);
CREATE INDEX idx_ai_photo_gallery_tags ON public.ai_photo_gallery USING gin (tags);

ALTER TABLE public.ai_shader_gallery
    ADD CONSTRAINT ai_shader_gallery_pkey PRIMARY KEY (id);
CREATE INDEX idx_ai_shader_gallery_agent ON public.ai_shader_gallery (agent_id);
CREATE INDEX idx_ai_shader_gallery_created ON public.ai_shader_gallery (created_at DESC);
CREATE INDEX idx_ai_shader_gallery_likes ON public.ai_shader_gallery (likes DESC);

ALTER TABLE public.ai_video_gallery
    ADD CONSTRAINT ai_video_gallery_pkey PRIMARY KEY (id);
CREATE INDEX idx_ai_video_gallery_agent ON public.ai_video_gallery (agent_id);
CREATE INDEX idx_ai_video_gallery_created ON public.ai_video_gallery (created_at DESC);
CREATE INDEX idx_ai_video_gallery_likes ON public.ai_video_gallery (likes DESC);

ALTER TABLE public.ai_writing_gallery
    ADD CONSTRAINT ai_writing_gallery_pkey PRIMARY KEY (id);
CREATE INDEX idx_ai_writing_gallery_agent ON public.ai_writing_gallery (agent_id);
CREATE INDEX idx_ai_writing_gallery_created ON public.ai_writing_gallery (created_at DESC);
CREATE INDEX idx_ai_writing_gallery_likes ON public.ai_writing_gallery (likes DESC);

RESET ROLE;
