"""A folder of submissions, and a class: pages, the grade book, likeness, the autograder."""
