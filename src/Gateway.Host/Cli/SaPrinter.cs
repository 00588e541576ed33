using Gateway.Host.Api.Views;

namespace Gateway.Host.Cli;

/// <summary>Lists SAs in the manner of <c>swanctl --list-sas</c>.</summary>
internal static class SaPrinter
{
    public static void Print(IReadOnlyList<SaRow> sas, Screen screen)
    {
        if (sas.Count == 0) screen.Line("There are no SAs.");
        foreach (var sa in sas)
        {
            var (mine, theirs) = sa.Initiator ? ("*", "") : ("", "*");
            screen.Line($"{sa.Connection}: #{sa.Id}, {sa.State.ToUpperInvariant()}, IKEv2, {sa.InitiatorSpi}_i{mine} {sa.ResponderSpi}_r{theirs}");
            screen.Line($"  local  '{sa.LocalId}' @ {sa.Local}{(sa.NatLocal ? " (behind NAT)" : "")}{Vips(sa.LocalVips)}");
            screen.Line($"  remote '{sa.RemoteId}' @ {sa.Remote}{(sa.NatRemote ? " (behind NAT)" : "")}{Vips(sa.RemoteVips)}");
            if (sa.Proposal.Length > 0) screen.Line($"  {sa.Proposal}");
            if (sa.Established is { } since) screen.Line($"  established {Format.Span(DateTimeOffset.UtcNow - since)} ago{Rekey(sa.RekeyInSeconds)}");
            foreach (var child in sa.Children) Print(child, screen);
        }
    }

    private static void Print(ChildSaRow child, Screen screen)
    {
        screen.Line($"  {child.Name}: #{child.Id}, {child.State.ToUpperInvariant()}, {child.Mode.ToUpperInvariant()}{(child.Encap ? "-in-UDP" : "")}, ESP:{child.Proposal}");
        if (child.Installed is { } since) screen.Line($"    installed {Format.Span(DateTimeOffset.UtcNow - since)} ago{Rekey(child.RekeyInSeconds)}");
        screen.Line($"    in  {child.SpiIn}, {child.BytesIn,10} bytes, {child.PacketsIn,8} packets");
        screen.Line($"    out {child.SpiOut}, {child.BytesOut,10} bytes, {child.PacketsOut,8} packets");
        screen.Line($"    local  {string.Join(' ', child.LocalTs)}");
        screen.Line($"    remote {string.Join(' ', child.RemoteTs)}");
    }

    private static string Vips(IReadOnlyList<string>? addresses) => addresses is null ? "" : $" [{string.Join(' ', addresses)}]";

    private static string Rekey(long? seconds) => seconds is { } s ? $", rekeying in {Format.Span(TimeSpan.FromSeconds(s))}" : "";
}
