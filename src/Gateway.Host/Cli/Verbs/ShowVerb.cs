using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Gateway.Host.Api;
using Gateway.Host.Api.Views;

namespace Gateway.Host.Cli.Verbs;

/// <summary><c>gateway show TOPIC [NAME]</c>.</summary>
internal static class ShowVerb
{
    public static Command Make(Where where, Screen screen)
    {
        var topic = new Argument<string>("TOPIC") { Description = "gateway, " + string.Join(", ", ShowTopics.All) + "." };
        topic.AcceptOnlyFromAmong(["gateway", .. ShowTopics.All]);
        var name = new Argument<string?>("NAME") { Arity = ArgumentArity.ZeroOrOne, Description = "Only this one." };
        var watch = new Option<bool>("--watch") { Description = "Show it again every second." };
        var at = new Option<string?>("--at") { Description = "As the journal has it at a moment: a revision, @POSITION or a time.", HelpName = "AT" };
        var verb = new Command("show", "Shows what is, or what was.") { topic, name, watch, at };
        verb.SetAction(async (parsed, stop) =>
        {
            if (parsed.GetValue(at) is { } moment) return await PastAsync(where, parsed, parsed.GetValue(topic)!, parsed.GetValue(name), moment, screen, stop).ConfigureAwait(false);
            using var client = where.Connect(parsed);
            while (true)
            {
                var found = await ShowAsync(client, parsed.GetValue(topic)!, parsed.GetValue(name), parsed.GetValue(where.Json), screen, parsed.GetValue(watch), stop).ConfigureAwait(false);
                if (!parsed.GetValue(watch)) return found ? ExitCodes.Done : ExitCodes.Rejected;
                await Task.Delay(1000, stop).ConfigureAwait(false);
            }
        });
        return verb;
    }

    /// <summary><c>gateway sas [NAME] [--at AT]</c>: short for <c>show sas</c>.</summary>
    public static Command MakeSas(Where where, Screen screen)
    {
        var name = new Argument<string?>("NAME") { Arity = ArgumentArity.ZeroOrOne, Description = "Only of this connection or child." };
        var at = new Option<string?>("--at") { Description = "As the journal has it at a moment: a revision, @POSITION or a time.", HelpName = "AT" };
        var verb = new Command("sas", "The SAs, now or at any moment.") { name, at };
        verb.SetAction(async (parsed, stop) =>
        {
            if (parsed.GetValue(at) is { } moment) return await PastAsync(where, parsed, "sas", parsed.GetValue(name), moment, screen, stop).ConfigureAwait(false);
            using var client = where.Connect(parsed);
            return await ShowAsync(client, "sas", parsed.GetValue(name), parsed.GetValue(where.Json), screen, false, stop).ConfigureAwait(false) ? ExitCodes.Done : ExitCodes.Rejected;
        });
        return verb;
    }

    private static async Task<int> PastAsync(Where where, ParseResult parsed, string topic, string? name, string at, Screen screen, CancellationToken stop)
    {
        if (topic == "gateway") throw new CliException(ExitCodes.Usage, "The gateway as a whole is shown as it is; --at goes with what is journalled.");
        var answer = await Ask.Async(
            where, parsed, client => client.GetAsync<JsonElement>(Query.Path($"/v1/show/{topic}", ("name", name), ("at", at)), stop),
            async records => JsonSerializer.SerializeToElement(await records.ShowAsync(topic, name, at, stop).ConfigureAwait(false), ApiJson.Options)).ConfigureAwait(false);
        if (parsed.GetValue(where.Json)) screen.Json(answer);
        else if (name is not null && answer.GetArrayLength() == 0) screen.Error($"There was nothing named {name} in {topic}.");
        else Table(topic, answer, screen);
        return name is not null && answer.GetArrayLength() == 0 ? ExitCodes.Rejected : ExitCodes.Done;
    }

    // False when a name was asked for that is not there.
    private static async Task<bool> ShowAsync(GatewayClient client, string topic, string? name, bool json, Screen screen, bool again, CancellationToken stop)
    {
        var path = topic == "gateway" ? "/v1/gateway" : $"/v1/show/{topic}" + (name is null ? "" : "?name=" + Uri.EscapeDataString(name));
        var answer = await client.GetAsync<JsonElement>(path, stop).ConfigureAwait(false);
        var missing = name is not null && answer.ValueKind == JsonValueKind.Array && answer.GetArrayLength() == 0;
        if (again) screen.Clear();
        if (json) screen.Json(answer);
        else if (missing) screen.Error($"There is nothing named {name} in {topic}.");
        else Table(topic, answer, screen);
        return !missing;
    }

    private static void Table(string topic, JsonElement answer, Screen screen)
    {
        switch (topic)
        {
            case "gateway":
                Gateway(answer.Deserialize<GatewayView>(ApiJson.Options)!, screen);
                break;
            case "sas":
                SaPrinter.Print(Rows<SaRow>(answer), screen);
                break;
            case "interfaces":
                screen.Rows(
                    Rows<InterfaceRow>(answer), "There are no interfaces.",
                    ("NAME", r => r.Name), ("TYPE", r => r.Type), ("STATE", r => r.WaitsFor is { } w ? $"{r.State}: {w}" : r.State), ("MTU", r => r.Mtu?.ToString(CultureInfo.InvariantCulture)),
                    ("MAC", r => r.Mac), ("ADDRESSES", r => r.Unnumbered is { } lender ? $"of {lender}" : Format.List(r.Addresses)), ("RX PKTS", r => N(r.RxPackets)), ("RX BYTES", r => Format.Bytes(r.RxBytes)),
                    ("TX PKTS", r => N(r.TxPackets)), ("TX BYTES", r => Format.Bytes(r.TxBytes)), ("DROPS", r => N(r.Drops)));
                break;
            case "bridges":
                BridgePrinter.Print(Rows<BridgeRow>(answer), screen);
                break;
            case "acls":
                AclPrinter.Print(Rows<AclRow>(answer), screen);
                break;
            case "abf":
                AbfPrinter.Print(Rows<AbfRow>(answer), screen);
                break;
            case "mac-acls":
                AclPrinter.Print(Rows<AclRow>(answer), screen, "There are no MAC ACLs.");
                break;
            case "source-limits":
                SourceLimitPrinter.Print(Rows<SourceLimitRow>(answer), screen);
                break;
            case "policers":
                PolicerPrinter.Print(Rows<PolicerRow>(answer), screen);
                break;
            case "route-lists":
                screen.Rows(Rows<RouteListRow>(answer), "There are no lists of routes.", ("NAME", r => r.Name), ("PREFIXES", r => r.Prefixes.ToString(CultureInfo.InvariantCulture)), ("FROM", r => r.First), ("TO", r => r.Last), ("VIA", r => r.Vrf is null ? r.Via : $"{r.Via} vrf {r.Vrf}"), ("STATE", r => r.WaitsFor is { } w ? $"{r.State}: {w}" : r.State));
                break;
            case "routes":
                screen.Rows(Rows<RouteRow>(answer), "There are no routes.", ("TO", r => r.Vrf is null ? r.To : $"{r.To} vrf {r.Vrf}"), ("VIA", r => r.Via), ("INTERFACE", r => r.Interface), ("SOURCE", r => r.Source), ("STATE", r => r.WaitsFor is { } w ? $"{r.State}: {w}" : r.State));
                break;
            case "nat":
                screen.Rows(
                    Rows<NatRow>(answer), "There are no rules of NAT.", ("NAME", r => r.Name), ("TYPE", r => r.Type), ("FROM", r => r.From), ("TO", r => r.To), ("INTERFACE", r => r.Interface),
                    ("SESSIONS", r => r.Sessions.ToString(CultureInfo.InvariantCulture)), ("BLOCKS", r => r.Blocks is { } b ? $"{N(b.Taken)} of {N(b.Total)} of {N(b.Size)} ports, {N(b.Hosts)} hosts, {N(b.Exhausted)} times none" : ""));
                break;
            case "nat-blocks":
                NatVerb.Print(Rows<NatHolderRow>(answer), screen, "No host has a block of ports.");
                break;
            case "conntrack":
                screen.Rows(Rows<ConntrackRow>(answer), "There is no such setting.", ("NAME", r => r.Name), ("VALUE", r => r.Value));
                break;
            case "sessions":
                screen.Rows(
                    Rows<SessionRow>(answer), "There are no sessions.", ("PROTO", r => r.Protocol), ("STATE", r => r.State), ("SOURCE", r => r.Source), ("DESTINATION", r => r.Destination),
                    ("REPLY FROM", r => r.ReplySource), ("REPLY TO", r => r.ReplyDestination), ("RULE", r => r.Rule), ("PKTS", r => N(r.Packets)), ("REPLY PKTS", r => N(r.ReplyPackets)),
                    ("ENDS IN", r => $"{r.EndsInSeconds}s"));
                break;
            case "neighbors":
                screen.Rows(Rows<NeighborRow>(answer), "There are no neighbors.", ("INTERFACE", r => r.Interface), ("ADDRESS", r => r.Address), ("MAC", r => r.Mac), ("STATE", r => r.State.ToUpperInvariant()),
                    ("CONFIRMED", r => r.SecondsSinceConfirmed is { } s ? Format.Span(TimeSpan.FromSeconds(s)) : ""), ("USED", r => r.SecondsSinceUsed is { } s ? Format.Span(TimeSpan.FromSeconds(s)) : ""));
                break;
            case "connections":
                screen.Rows(
                    Rows<ConnectionRow>(answer), "There are no connections.",
                    ("NAME", r => r.Name), ("STATE", r => r.WaitsFor is { } w ? $"{r.State}: {w}" : r.State), ("LOCAL", r => $"{r.LocalAddrs} [{r.LocalId}]"), ("REMOTE", r => $"{r.RemoteAddrs} [{r.RemoteId}]"),
                    ("CHILDREN", r => Format.List(r.Children)), ("LAST FAILURE", r => r.LastFailure));
                break;
            case "pools":
                var pools = Rows<PoolRow>(answer);
                screen.Rows(
                    pools, "There are no pools.", ("NAME", r => r.Name), ("ADDRESSES", r => r.Addrs), ("SIZE", r => r.Size.ToString(CultureInfo.InvariantCulture)),
                    ("ONLINE", r => r.Online.ToString(CultureInfo.InvariantCulture)), ("OFFLINE", r => r.Offline.ToString(CultureInfo.InvariantCulture)));
                var leases = pools.SelectMany(p => p.Leases.Select(l => (p.Name, Lease: l))).ToList();
                if (leases.Count > 0)
                    screen.Rows(leases, "", ("POOL", r => r.Name), ("ADDRESS", r => r.Lease.Address), ("IDENTITY", r => r.Lease.Identity), ("STATE", r => r.Lease.State), ("SINCE", r => r.Lease.Since.ToString("u", CultureInfo.InvariantCulture)));
                break;
            case "policies":
                screen.Rows(
                    Rows<PolicyRow>(answer), "There are no policies.",
                    ("#", r => N(r.Order)), ("ACTION", r => r.Action), ("NAME", r => r.Name), ("LOCAL", r => Format.List(r.LocalTs)), ("REMOTE", r => Format.List(r.RemoteTs)), ("SA", r => r.Sa is { } sa ? "#" + sa : ""));
                break;
            case "counters":
                screen.Rows(Rows<CounterRow>(answer), "Nothing was counted yet.", ("AREA", r => r.Area), ("COUNTER", r => r.Name), ("VALUE", r => N(r.Value)), ("MEANING", r => r.Text));
                break;
            case "plan":
                screen.Rows(
                    Rows<PlanRow>(answer), "Everything is in force.",
                    ("ITEM", r => r.Item), ("STATE", r => r.State), ("WAITS FOR", r => r.WaitsFor), ("ATTEMPTS", r => N(r.Attempts)), ("RETRY IN", r => r.RetryInSeconds is { } s ? Format.Span(TimeSpan.FromSeconds(s)) : ""));
                break;
            case "items":
                screen.Rows(Rows<ItemRow>(answer), "Nothing is configured.", ("ITEM", r => r.Item), ("OWNER", r => r.Owner), ("STATE", r => r.WaitsFor is { } w ? $"{r.State}: {w}" : r.State));
                break;
            case "workers":
                screen.Rows(
                    Rows<WorkerRow>(answer), "There are no workers.",
                    ("WORKER", r => N(r.Worker)), ("CORE", r => r.Core?.ToString(CultureInfo.InvariantCulture) ?? "any"), ("STATE", r => r.State), ("INTERFACES", r => string.Join(' ', r.Interfaces)), ("SAS", r => N(r.Sas)),
                    ("PACKETS", r => N(r.Packets)), ("PER FRAME", r => r.PacketsPerFrame.ToString("0.0", CultureInfo.InvariantCulture)), ("HANDED OVER", r => N(r.HandedOver)), ("TAKEN OVER", r => N(r.TakenOver)),
                    ("LOOPS", r => N(r.Loops)), ("SLEEPS", r => N(r.Sleeps)));
                break;
            default:
                screen.Line(answer.GetArrayLength() == 0 ? $"There are no {topic}." : answer.GetRawText());
                break;
        }
    }

    private static void Gateway(GatewayView view, Screen screen)
    {
        screen.Line($"gateway   {view.Id}, version {view.Version}, up {Format.Span(DateTimeOffset.UtcNow - view.Started)}");
        screen.Line($"revision  {view.Revision} (journal position {view.Position}){(view.Pending > 0 ? $", {view.Pending} items pending" : "")}");
        screen.Line($"journal   {view.Journal}");
        screen.Line($"bus       {view.Bus}");
        screen.Line($"aead      {view.Aead}");
    }

    private static List<T> Rows<T>(JsonElement answer) => answer.Deserialize<List<T>>(ApiJson.Options)!;

    private static string N<T>(T number)
        where T : IFormattable => number.ToString(null, CultureInfo.InvariantCulture);
}
