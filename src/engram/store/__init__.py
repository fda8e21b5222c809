"""What the platform remembers: tables, migrations, ingest of events, leases, backup."""
