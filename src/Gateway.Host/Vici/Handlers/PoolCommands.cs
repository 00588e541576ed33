using System.Text.Json;
using System.Text.Json.Nodes;
using Gateway.Host.Vici.Server;
using Gateway.Host.Vici.Wire;
using Gateway.Ike.Engine;
using Gateway.Policy;
using Gateway.Policy.Commands;
using Gateway.Policy.Items;

namespace Gateway.Host.Vici.Handlers;

/// <summary>load-pool, unload-pool, get-pools: pools of addresses for peers, and who has which.</summary>
internal sealed class PoolCommands(IViciFace face, ViciDoor door)
{
    public async Task<ViciSection> LoadAsync(ViciSection request, IViciClient client, CancellationToken stop)
    {
        if (request.Entries is not [ViciEntry.Section { Name: var name, Content: var content }]) return ViciAnswer.Failed("load-pool takes one section, named as the pool");
        var report = ConnectionReading.Read(name, content, "pools");
        if (report.Error is { } error) return ViciAnswer.Failed(error);
        if (report.Items.Count == 0) return ViciAnswer.Failed(string.Join("; ", report.NotCarriedOver.Select(l => $"{l.Path}: {l.Sentence}")));
        return ViciAnswer.Of(await door.ChangeAsync(client, "load-pool", report.Items, [], stop).ConfigureAwait(false));
    }

    public async Task<ViciSection> UnloadAsync(ViciSection request, IViciClient client, CancellationToken stop)
    {
        if (request["name"] is not { } name) return ViciAnswer.Failed("missing pool name");
        if (!face.Running.ContainsKey(new ItemKey(ItemCatalog.Pool, name))) return ViciAnswer.Failed($"pool '{name}' not found");
        // strongSwan's connections only name their pools; here what refers to one must not outlive it.
        var users = face.Running.OfKind(ItemCatalog.Connection).Where(i => ((ConnectionSpec)i.Spec).Pools.Contains(name)).ToList();
        var changed = users.Select(i => ViciDoor.Put(ItemCatalog.Connection, i.Key.Name, Without((ConnectionSpec)i.Spec, name)));
        return ViciAnswer.Of(await door.ChangeAsync(client, "unload-pool", changed, [new ItemDeleteRequest(ItemCatalog.Pool, name)], stop).ConfigureAwait(false));
    }

    private static JsonObject Without(ConnectionSpec spec, string pool) =>
        (JsonObject)JsonSerializer.SerializeToNode(spec with { Pools = spec.Pools.Where(p => p != pool).ToValueList() }, PolicyJson.Options)!;

    /// <summary>get-pools: with <c>leases</c> also each lease; <c>name</c> narrows it to one.</summary>
    public ViciSection List(ViciSection request)
    {
        var answer = new ViciSection();
        var leases = face.Leases.Leases.Values.ToLookup(l => l.Pool);
        foreach (var item in face.Running.OfKind(ItemCatalog.Pool).OrderBy(i => i.Key.Name, StringComparer.Ordinal))
        {
            var (name, spec) = (item.Key.Name, (PoolSpec)item.Spec);
            if ((request["name"] ?? name) != name || !AddressPool.TryCompile(name, spec, out var pool)) continue;
            var section = new ViciSection
            {
                { "base", spec.Addrs.Split('/', '-')[0].Trim() },
                { "size", pool.Size },
                { "online", leases[name].Count(l => l.Online) },
                { "offline", leases[name].Count(l => !l.Online) },
            };
            if (request.IsYes("leases"))
            {
                var all = new ViciSection();
                foreach (var lease in leases[name].OrderBy(l => l.Address.ToString(), StringComparer.Ordinal))
                    all.Add(all.Entries.Count.ToString(System.Globalization.CultureInfo.InvariantCulture), new ViciSection
                    {
                        { "address", lease.Address.ToString() }, { "identity", lease.Identity }, { "status", lease.Online ? "online" : "offline" },
                    });
                section.Add("leases", all);
            }

            answer.Add(name, section);
        }

        return answer;
    }
}
