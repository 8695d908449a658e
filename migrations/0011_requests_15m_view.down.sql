DROP VIEW IF EXISTS requests_15m_view
