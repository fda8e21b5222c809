"""What a server tells while it works: topics over one WebSocket per page, replayed from what is stored."""
