"""A class: one page for each student and one for all, the grade book, likeness, the autograder."""
