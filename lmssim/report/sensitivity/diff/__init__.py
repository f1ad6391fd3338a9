"""What moved a result: tables, a waterfall and a report."""
