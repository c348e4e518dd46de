-- One row per customer and date, from purchases before that date only.
select
  p.customer_id,
  d.as_of,
  date_diff('day', max(p.purchased_on), d.as_of) as recency_days,
  date_diff('day', c.first_purchase, d.as_of) as tenure_days,
  count(*) as orders,
  sum(p.dollars) as spend,
  sum(p.cds) as cds,
  count(*) filter (where p.purchased_on >= d.as_of - interval 30 day) as orders_30d,
  count(*) filter (where p.purchased_on >= d.as_of - interval 90 day) as orders_90d,
  count(*) filter (where p.purchased_on >= d.as_of - interval 180 day) as orders_180d,
  coalesce(sum(p.dollars) filter (where p.purchased_on >= d.as_of - interval 30 day), 0) as spend_30d,
  coalesce(sum(p.dollars) filter (where p.purchased_on >= d.as_of - interval 90 day), 0) as spend_90d,
  coalesce(sum(p.dollars) filter (where p.purchased_on >= d.as_of - interval 180 day), 0) as spend_180d
from as_of d
join purchases p on p.purchased_on < d.as_of
join customers c on c.customer_id = p.customer_id
group by p.customer_id, d.as_of, c.first_purchase
order by p.customer_id, d.as_of
