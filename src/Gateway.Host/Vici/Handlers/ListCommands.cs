using Gateway.Host.Vici.Server;
using Gateway.Host.Vici.Views;
using Gateway.Host.Vici.Wire;
using Gateway.Policy.Items;

namespace Gateway.Host.Vici.Handlers;

/// <summary>The commands that stream what there is, one event per thing.</summary>
internal sealed class ListCommands(IViciFace face, ReqIds reqIds)
{
    /// <summary>list-sas: the IKE SAs with their CHILD SAs; <c>ike</c>, <c>ike-id</c>, <c>child</c> and <c>child-id</c> narrow it.</summary>
    public async Task<ViciSection> SasAsync(ViciSection request, IViciClient client, CancellationToken stop)
    {
        var inventory = face.Inventory;
        var carried = face.Carried().ToDictionary(s => s.Parameters.Id);
        var filter = SaFilter.Of(request);
        foreach (var sa in face.IkeSas.Where(filter.Takes))
        {
            var section = SaSections.Live(sa, inventory);
            var children = new ViciSection();
            foreach (var child in sa.Children.Where(filter.Takes))
                children.Add(SaSections.NameOf(child.Parameters), SaSections.Live(child, inventory, carried.GetValueOrDefault(child.Parameters.Id), reqIds));
            if (filter.OfChildren && children.Entries.Count == 0) continue;
            section.Add("child-sas", children);
            await client.StreamAsync("list-sa", new ViciSection { { sa.Connection.Value, section } }, stop).ConfigureAwait(false);
        }

        return [];
    }

    /// <summary>list-policies: traps are the children that may begin by themselves; pass and drop are policy items.</summary>
    public async Task<ViciSection> PoliciesAsync(ViciSection request, IViciClient client, CancellationToken stop)
    {
        var all = !request.IsYes("drop") && !request.IsYes("pass") && !request.IsYes("trap");
        foreach (var item in face.Running.OfKind(ItemCatalog.Connection).OrderBy(i => i.Key.Name, StringComparer.Ordinal))
        {
            if (!all && !request.IsYes("trap")) break;
            foreach (var (name, child) in ((ConnectionSpec)item.Spec).Children.Where(c => c.Value.StartAction is StartAction.Trap or StartAction.TrapStart))
                await StreamAsync($"{item.Key.Name}/{name}", name, item.Key.Name, child.Mode.ToString().ToUpperInvariant(), child.LocalTs.Select(SelectorWords.Of), child.RemoteTs.Select(SelectorWords.Of)).ConfigureAwait(false);
        }

        foreach (var item in face.Running.OfKind(ItemCatalog.Policy).OrderBy(i => i.Key.Name, StringComparer.Ordinal))
        {
            var policy = (PolicySpec)item.Spec;
            var (connection, child) = Shunts.Split(face.Running, item.Key.Name);
            if (all || request.IsYes(Shunts.Mode(policy).ToLowerInvariant()))
                await StreamAsync(connection is null ? child : $"{connection}/{child}", child, connection, Shunts.Mode(policy), policy.LocalTs.Select(SelectorWords.Of), policy.RemoteTs.Select(SelectorWords.Of)).ConfigureAwait(false);
        }

        return [];

        Task StreamAsync(string key, string child, string? ike, string mode, IEnumerable<string> local, IEnumerable<string> remote) =>
            (request["child"] ?? child) != child || (request["ike"] is { } asked && asked != ike)
                ? Task.CompletedTask
                : client.StreamAsync("list-policy", new ViciSection { { key, new ViciSection { { "child", child }, { "ike", ike }, { "mode", mode }, { "local-ts", local }, { "remote-ts", remote } } } }, stop);
    }

    /// <summary>list-conns: all connections, also those that came through another door.</summary>
    public async Task<ViciSection> ConnectionsAsync(ViciSection request, IViciClient client, CancellationToken stop)
    {
        foreach (var item in face.Running.OfKind(ItemCatalog.Connection).OrderBy(i => i.Key.Name, StringComparer.Ordinal))
            if ((request["ike"] ?? item.Key.Name) == item.Key.Name)
                await client.StreamAsync("list-conn", new ViciSection { { item.Key.Name, ConnectionSections.Of(item.Key.Name, (ConnectionSpec)item.Spec, face.Running) } }, stop).ConfigureAwait(false);
        return [];
    }

    /// <summary>list-certs: the certificate items, narrowed by <c>type</c>, <c>flag</c> and <c>subject</c>.</summary>
    public async Task<ViciSection> CertificatesAsync(ViciSection request, IViciClient client, CancellationToken stop)
    {
        foreach (var item in face.Running.OfKind(CredentialNames.CertificateKind).OrderBy(i => i.Key.Name, StringComparer.Ordinal))
            if (CertificateSections.Of(item, request, face.Owned) is { } section) await client.StreamAsync("list-cert", section, stop).ConfigureAwait(false);
        return [];
    }

    public async Task<ViciSection> AuthoritiesAsync(ViciSection request, IViciClient client, CancellationToken stop)
    {
        foreach (var item in face.Running.OfKind(CredentialNames.Authority).OrderBy(i => i.Key.Name, StringComparer.Ordinal))
            if ((request["name"] ?? item.Key.Name) == item.Key.Name)
                await client.StreamAsync("list-authority", new ViciSection { { item.Key.Name, CertificateSections.OfAuthority(item, face.Running) } }, stop).ConfigureAwait(false);
        return [];
    }
}
