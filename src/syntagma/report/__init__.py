"""Reports from stored results alone: figures as files, and one self-contained page."""

from syntagma.report.files import save_figures
from syntagma.report.page import page_html, write_page

__all__ = ["page_html", "save_figures", "write_page"]
