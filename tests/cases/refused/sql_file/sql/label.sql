-- label
select customer_id,
       max(day) as last_day,
from features
where where day > $until
