select customer_id, country, age,
       spent, spend / (age + 1) as spend_per_year, churned
from customers
