"""The REST surface and all operations as an OpenAPI document, and as a page for people, made from what the server routes by."""
