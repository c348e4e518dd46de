-- One row per customer: the profile, as of $as_of.
select * exclude (signup_date), cast($as_of as date) as as_of, date_diff('day', signup_date, cast($as_of as date)) as tenure_d
from profiles
order by customer_id
