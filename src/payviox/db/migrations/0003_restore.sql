-- What a restore from backup holds back.

-- (nothing yet)
SELECT;
