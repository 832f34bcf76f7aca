"""The OpenAPI document and its page, made from what routes declare."""
