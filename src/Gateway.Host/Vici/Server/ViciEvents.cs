using Gateway.Host.Ike;
using Gateway.Host.Vici.Views;
using Gateway.Host.Vici.Wire;
using Gateway.Policy.Events;
using Gateway.Policy.Sa;
using Gateway.Projections;

namespace Gateway.Host.Vici.Server;

/// <summary>Turns facts and log lines into the events of the vici protocol.</summary>
internal sealed class ViciEvents : IDisposable
{
    private readonly Action<string, Func<ViciSection?>> _broadcast;
    private readonly IViciFace _face;
    private readonly IDisposable _facts;
    private readonly IDisposable _lines;
    private readonly IDisposable _messages;

    /// <param name="broadcast">Gives an event to those who registered for it; the message is made when there is somebody, and may then be none.</param>
    public ViciEvents(IViciFace face, Action<string, Func<ViciSection?>> broadcast)
    {
        (_face, _broadcast) = (face, broadcast);
        ReqIds = new ReqIds(face.Inventory);
        _facts = face.Follow(OnFact);
        _lines = face.FollowLog(OnLine);
        _messages = face.FollowMessages(OnMessage);
    }

    /// <summary>The events that a client can register for.</summary>
    public static IReadOnlySet<string> Names { get; } = new HashSet<string>
    {
        "log", "control-log", "list-sa", "list-policy", "list-conn", "list-cert", "list-authority",
        "ike-updown", "ike-rekey", "ike-update", "child-updown", "child-rekey", "alert",
    };

    public void Dispose()
    {
        _facts.Dispose();
        _lines.Dispose();
        _messages.Dispose();
    }

    /// <summary>The numbers of CHILD SAs.</summary>
    public ReqIds ReqIds { get; }

    private void OnFact(ViciFact fact)
    {
        if (fact.Event is ChildSaInstalled installed) ReqIds.Give(installed.Parameters, installed.Replaces);
        Tell(fact);
        ReqIds.Forget(fact);
    }

    private void Tell(ViciFact fact)
    {
        _broadcast("log", () => FactWords.Of(fact) is { } words ? Log(words) : null);
        if (fact.Event is IkeSaEstablished { Replaces: null } fresh && (fresh.NatLocal || fresh.NatRemote))
            _broadcast("log", () => Log(new FactWords("IKE", 0, fresh.Connection, fresh.Id, $"{(fresh.NatLocal ? "local" : "remote")} host is behind NAT{(fresh is { NatLocal: true, NatRemote: true } ? ", remote host is behind NAT" : "")}")));
        switch (fact.Event)
        {
            case IkeSaEstablished { Replaces: { } old } sa:
                if (fact.Before.IkeSas.TryGetValue(old.Value, out var before))
                    _broadcast("ike-rekey", () => new() { { sa.Connection.Value, new ViciSection { { "old", SaSections.Told(before) }, { "new", SaSections.Told(fact.After.IkeSas[sa.Id.Value]) } } } });
                break;
            case IkeSaEstablished sa:
                _broadcast("ike-updown", () => UpDown(true, sa.Connection, Owner(fact.After, sa.Id)));
                break;
            // A rekeyed SA does not go down: the new one took its place.
            case IkeSaClosed { Reason: not "rekeyed" } sa when fact.Before.IkeSas.TryGetValue(sa.Id.Value, out var gone):
                _broadcast("ike-updown", () => UpDown(false, sa.Connection, SaSections.Told(gone)));
                break;
            case SaLost lost when fact.Before.IkeSas.TryGetValue(lost.Id.Value, out var gone):
                _broadcast("ike-updown", () => UpDown(false, gone.Established.Connection, SaSections.Told(gone)));
                break;
            case IkeSaEndpointChanged moved when fact.Before.IkeSas.TryGetValue(moved.Id.Value, out var at):
                _broadcast("ike-update", () => Moved(at.Established, moved));
                break;
            case ChildSaInstalled { Replaces: { } old } child when fact.Before.ChildSas.TryGetValue(old.Value, out var replaced):
                _broadcast("child-rekey", () => Rekeyed(fact, child.Parameters, replaced));
                break;
            case ChildSaInstalled child:
                _broadcast("child-updown", () => Child(true, fact.After, fact.After.ChildSas[child.Parameters.Id.Value], "INSTALLED"));
                break;
            case ChildSaClosed { Reason: not "rekeyed" } child when fact.Before.ChildSas.TryGetValue(child.Id.Value, out var gone):
                _broadcast("child-updown", () => Child(false, fact.Before, gone, "DELETED"));
                break;
            case IkeSaFailed failed:
                _broadcast("alert", () => new() { { "type", failed.Reason }, { "ike", failed.Connection?.Value }, { "remote-host", failed.RemoteAddress.ToString() }, { "remote-id", failed.RemoteId }, { "msg", failed.Detail } });
                break;
        }
    }

    private static ViciSection UpDown(bool up, ConnectionName connection, ViciSection sa) => new() { { "up", up }, { connection.Value, sa } };

    private static ViciSection Moved(IkeSaEstablished from, IkeSaEndpointChanged to) => new()
    {
        { from.Connection.Value, new ViciSection { { "uniqueid", to.Id.ToString() } } },
        { "local-host", to.LocalAddress.ToString() },
        { "local-port", to.LocalPort },
        { "remote-host", to.RemoteAddress.ToString() },
        { "remote-port", to.RemotePort },
    };

    // While it lives the engine knows more of it than the fact of its beginning told: times and virtual addresses.
    private ViciSection Owner(SaInventory inventory, IkeSaId id) =>
        _face.IkeSas.FirstOrDefault(s => s.Id == id) is { } live ? SaSections.Live(live, inventory) : inventory.IkeSas.TryGetValue(id.Value, out var told) ? SaSections.Told(told) : [];

    private ViciSection Child(bool up, SaInventory inventory, ChildSaEntry child, string state)
    {
        var owner = Owner(inventory, child.IkeSa);
        var carried = up ? null : _face.Carried().FirstOrDefault(s => s.Parameters.Id == child.Id);
        owner.Add("child-sas", new ViciSection { { SaSections.NameOf(child.Parameters), SaSections.Told(child, state, carried, ReqIds) } });
        return UpDown(up, child.Parameters.Connection, owner);
    }

    private ViciSection Rekeyed(ViciFact fact, ChildSaParameters child, ChildSaEntry replaced)
    {
        var owner = Owner(fact.After, child.IkeSa);
        var carried = _face.Carried().FirstOrDefault(s => s.Parameters.Id == replaced.Id);
        owner.Add("child-sas", new ViciSection
        {
            {
                child.Child.Value, new ViciSection
                {
                    { "old", SaSections.Told(replaced, "REKEYED", carried, ReqIds) },
                    { "new", SaSections.Told(fact.After.ChildSas[child.Id.Value], "INSTALLED", null, ReqIds) },
                }
            },
        });
        return new() { { child.Connection.Value, owner } };
    }

    private void OnMessage(MessageSeen seen)
    {
        if ((seen.Trace is { } trace ? MessageWords.Of(trace) : MessageWords.OfClear(seen.Clear, seen.Received)) is not { } text) return;
        _broadcast("log", () => Log(new FactWords("ENC", 1, seen.Connection, seen.Sa, text)));
    }

    // Facts have been told in strongSwan's own words.
    private void OnLine(LogLine line)
    {
        if (line.Level >= LogLevel.Warning || line.Area is not "ike") _broadcast("log", () => Log(line));
    }

    private static ViciSection Log(FactWords words)
    {
        var message = new ViciSection { { "group", words.Group }, { "level", words.Level }, { "thread", 0 } };
        if (words.Sa is { } sa && words.Connection is { } connection)
        {
            message.Add("ikesa-name", connection.Value);
            message.Add("ikesa-uniqueid", sa.ToString());
        }

        message.Add("msg", words.Text);
        return message;
    }

    private static ViciSection Log(LogLine line) => new()
    {
        { "group", line.Area switch { "ike" => "IKE", "dataplane" => "ESP", "control" or "journal" => "CFG", "api" or "bus" or "vici" => "NET", _ => "DMN" } },
        { "level", line.Level switch { LogLevel.Debug or LogLevel.Trace => 2, LogLevel.Information => 1, _ => 0 } },
        { "thread", 0 },
        { "msg", line.Text() },
    };
}
