select
    cases.id,
    cases.name
from (values (1, 'a'), (2, 'a'), (3, ' ')) as cases (id, name)
