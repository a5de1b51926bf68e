"""Reports from stored results alone: figures as files, a page, its text as Markdown, several results compared."""

from syntagma.report.compare import comparison_html
from syntagma.report.files import save_figures
from syntagma.report.markdown import write_markdown
from syntagma.report.page import page_html, write_page

__all__ = ["comparison_html", "page_html", "save_figures", "write_markdown", "write_page"]
