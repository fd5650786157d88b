"""Notes with pictures: a small server-rendered application on Flasgo and SQLite."""
