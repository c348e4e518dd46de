select customer_id, country, age, spend,
       spend / (age + 1) as spend_per_year
       churned
frm customers
