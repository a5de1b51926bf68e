"""Reports from stored results alone: figures as files, one self-contained page, and several results on one page."""

from syntagma.report.compare import comparison_html
from syntagma.report.files import save_figures
from syntagma.report.page import page_html, write_page

__all__ = ["comparison_html", "page_html", "save_figures", "write_page"]
