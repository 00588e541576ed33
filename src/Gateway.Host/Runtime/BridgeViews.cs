using System.Globalization;
using Gateway.Dataplane.Apply;

namespace Gateway.Host.Runtime;

/// <summary>The rows of <c>show bridges</c>.</summary>
internal static class BridgeViews
{
    public static IEnumerable<Api.Views.BridgeRow> Rows(SwitchControl switching, string? name)
    {
        foreach (var row in switching.Bridges().Where(b => name is null || b.Name == name))
            yield return new Api.Views.BridgeRow
            {
                Name = row.Name,
                Members = [.. row.Members.Select(m => new Api.Views.BridgeMemberRow(m.Interface, m.Index == 0 ? "absent" : "joined", m.Group, m.Macs))],
                Bvi = row.Bvi,
                Macs = row.Macs,
                MacLimit = row.MacLimit,
                Stations = name is null ? null : [.. switching.Stations(name).Select(s => new Api.Views.StationRow(
                    string.Join(':', s.Mac.GetAddressBytes().Select(b => b.ToString("x2", CultureInfo.InvariantCulture))),
                    s.Interface,
                    !s.Fixed ? "learned" : s.Interface == row.Bvi ? "gateway" : "static",
                    (long?)s.SinceSeen?.TotalSeconds))],
            };
    }
}
