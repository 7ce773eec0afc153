"""A folder of submissions, and a class: its pages and the grade book."""
