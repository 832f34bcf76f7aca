"""PostgreSQL: the pool with the only commit, the embedded server, migrations, jobs' names."""
