-- OSRM's profile for the benchmarks' streets: a way's time stands in its tag, turns cost nothing, nothing is forbidden.
-- A second here is ten of our milliseconds, so that OSRM's tenths of a second are our milliseconds, unrounded.
api_version = 4

function setup()
  return {
    properties = {
      weight_name = 'duration',
      weight_precision = 1,
      u_turn_penalty = 0,
      traffic_signal_penalty = 0,
      continue_straight_at_waypoint = false,
      use_turn_restrictions = false,
      max_speed_for_map_matching = 180 / 3.6
    }
  }
end

function process_node(profile, node, result)
end

function process_way(profile, way, result)
  local ms = tonumber(way:get_value_by_key('ms'))
  result.duration = ms / 10
  result.weight = ms / 10
  result.forward_mode = mode.driving
  result.backward_mode = mode.driving
  result.forward_speed = 1
  result.backward_speed = 1
  result.forward_rate = 1
  result.backward_rate = 1
  if way:get_value_by_key('oneway') == 'yes' then
    result.backward_mode = mode.inaccessible
  end
end

function process_turn(profile, turn)
  turn.duration = 0
  turn.weight = 0
end

return { setup = setup, process_node = process_node, process_way = process_way, process_turn = process_turn }
