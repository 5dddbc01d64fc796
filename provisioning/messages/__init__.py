"""The five mails, Polish and English, as text and HTML."""
