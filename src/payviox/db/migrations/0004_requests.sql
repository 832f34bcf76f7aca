-- API requests of the last days, and webhook replays.

SELECT;
