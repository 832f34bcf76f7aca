-- Invitations, password resets and the mails that carry them.

SELECT;
