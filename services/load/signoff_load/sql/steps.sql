-- name: steps_of_all_partitions
SELECT partition_id, position, epoch, command_id, events
FROM steps
WHERE events IS NOT NULL
ORDER BY partition_id, position
