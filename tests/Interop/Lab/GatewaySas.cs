using System.Text.Json;
using Gateway.Host.Api;
using Gateway.Host.Api.Views;

namespace Gateway.Interop.Lab;

/// <summary>Reads what the gateway shows of its SAs and connections.</summary>
internal static class GatewaySas
{
    public static IReadOnlyList<LabIkeSa> Read(JsonElement shown) =>
    [
        .. shown.Deserialize<SaRow[]>(ApiJson.Options)!.Select(sa => new LabIkeSa(
            sa.InitiatorSpi,
            sa.ResponderSpi,
            Is(sa.State, "established"),
            Address(sa.Remote),
            0,
            [.. sa.Children.Select(c => new LabChildSa(Is(c.State, "installed"), c.SpiIn, c.SpiOut, c.Encap, c.LocalTs, c.RemoteTs, (long)c.PacketsIn, (long)c.PacketsOut))])),
    ];

    /// <summary>Why the lab's connection could not be set up the last time, or null.</summary>
    public static string? Failure(JsonElement shown) =>
        shown.Deserialize<ConnectionRow[]>(ApiJson.Options)!.FirstOrDefault(c => c.Name == LabCase.Connection)?.LastFailure;

    private static bool Is(string state, string expected) => state.Equals(expected, StringComparison.OrdinalIgnoreCase);

    // An endpoint shows as 203.0.113.2[4500] or 203.0.113.2:4500.
    private static string Address(string endpoint) =>
        endpoint.IndexOf('[', StringComparison.Ordinal) is > 0 and var bracket ? endpoint[..bracket] : endpoint.Split(':') is [var address, _] ? address : endpoint;
}
