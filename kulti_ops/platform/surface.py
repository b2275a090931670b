"""The platform's HTTP surface, as its production build answers anonymous requests. Values.

Used by the probes that look at it and by the sandbox's stand-in for it.
"""

from __future__ import annotations

SECURITY_HEADERS = (
    ("Strict-Transport-Security", "max-age=63072000; includeSubDomains; preload"),
    (
        "Content-Security-Policy",
        (
            "frame-ancestors 'self' localhost:* https://*.kulti.example https://kulti.example "
            "https://*.e2b.app https://*.vercel.app https://*.trycloudflare.com"
        ),
    ),
    ("X-Content-Type-Options", "nosniff"),
    ("X-XSS-Protection", "1; mode=block"),
    ("Referrer-Policy", "origin-when-cross-origin"),
    ("X-DNS-Prefetch-Control", "on"),
    (
        "Permissions-Policy",
        "camera=*, microphone=*, display-capture=*, geolocation=(), interest-cohort=()",
    ),
)

# Prerendered: they answer 200 also when the database is down.
HOME = "/"
PAGES = ("/login", "/signup", "/about", "/agents", "/docs", "/watch")
# Sent to /login by the proxy with the way back, or by the page itself without it.
PROTECTED_BY_PROXY = ("/dashboard", "/browse")
PROTECTED_PREFIXES = ("/profile/", "/s/")
PROTECTED_BY_PAGE = ("/credits", "/recordings", "/settings", "/admin")
LOGIN = "/login"

UNAUTHORIZED = {"error": "Unauthorized"}
UNAUTHORIZED_GET = (
    "/api/credits/balance",
    "/api/credits/transactions",
    "/api/credits/leaderboard",
    "/api/credits/milestones",
    "/api/recordings/list",
    "/api/notifications",
    "/api/invites/my-codes",
    "/api/search",
    "/api/community/rooms",
)
# What a signed-in person may read without changing anything.
BALANCE = "/api/credits/balance"
TRANSACTIONS = "/api/credits/transactions"
RECORDINGS = "/api/recordings/list"
ACCOUNT_READS = (BALANCE, TRANSACTIONS, RECORDINGS)
UNAUTHORIZED_POST = (
    "/api/sessions/create",
    "/api/sessions/end",
    "/api/credits/tip",
    "/api/ai/chat",
    "/api/analytics/heartbeat",
    "/api/presence/update",
)
# An old helper for signing in fails there for everybody.
BROKEN_GET = ("/api/invites", "/api/invites/stats", "/api/auth/permissions")
HEALTH = ("/api/health", "/healthz", "/status")

# The one anonymous route whose answer proves the database.
DATABASE = "/api/agents"
# Anonymous and without side effects; 10 calls a minute for each address.
INVITE_VALIDATION = "/api/invites/validate"
INVITE_VALIDATION_LIMIT = 10
INVITE_VALIDATION_WINDOW_S = 60
SEND_OTP = "/api/auth/send-otp"  # sends a real SMS: nothing here calls it

WEBHOOK = "/api/webhooks/hms"
WEBHOOK_SIGNATURE = "x-hms-signature"
WEBHOOK_TIMESTAMP = "x-hms-timestamp"

# Checked before anything else about the request; characters, not bytes. The platform's
# documents give the first with its whole path; of the others they name the route only.
SIZE_LIMITED = (
    "/api/hms/get-token",
    "/api/hms/start-recording",
    "/api/hms/stop-recording",
    "/api/stream-key/create",
)
BODY_LIMIT_CHARACTERS = 10_240
TOO_LARGE = {"error": "Request too large"}
RATE_LIMITED = "Rate limit exceeded"
