"""From the database's announcements to the mailboxes of the people who are looking."""
