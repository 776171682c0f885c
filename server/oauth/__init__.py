"""The authorization server: SMART App Launch 2.2 and backend services on OAuth 2.0 and OpenID Connect."""
