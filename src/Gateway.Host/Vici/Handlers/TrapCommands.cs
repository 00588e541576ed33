using System.Text.Json;
using System.Text.Json.Nodes;
using Gateway.Host.Vici.Server;
using Gateway.Host.Vici.Wire;
using Gateway.Policy;
using Gateway.Policy.Items;

namespace Gateway.Host.Vici.Handlers;

/// <summary>
/// install and uninstall: whether packets set a child up. Here that is the child's <c>start_action</c>, so that it is a change of the configuration and
/// holds over a restart.
/// </summary>
internal sealed class TrapCommands(IViciFace face, ViciDoor door)
{
    public Task<ViciSection> InstallAsync(ViciSection request, IViciClient client, CancellationToken stop) => SetAsync("install", StartAction.Trap, request, client, stop);

    public Task<ViciSection> UninstallAsync(ViciSection request, IViciClient client, CancellationToken stop) => SetAsync("uninstall", StartAction.None, request, client, stop);

    private async Task<ViciSection> SetAsync(string verb, StartAction action, ViciSection request, IViciClient client, CancellationToken stop)
    {
        if (request["child"] is not { } child) return ViciAnswer.Failed("missing configuration name");
        var found = face.Running.OfKind(ItemCatalog.Connection)
            .Where(i => (request["ike"] ?? i.Key.Name) == i.Key.Name && ((ConnectionSpec)i.Spec).Children.ContainsKey(child)).MinBy(i => i.Key.Name, StringComparer.Ordinal);
        if (found is null) return ViciAnswer.Failed(action == StartAction.None ? $"policy '{child}' not found" : $"configuration name '{child}' not found");
        var spec = (ConnectionSpec)found.Spec;
        var before = spec.Children[child].StartAction;
        if (action == StartAction.None && before is not (StartAction.Trap or StartAction.TrapStart)) return ViciAnswer.Failed($"policy '{child}' not found");
        var changed = spec with { Children = spec.Children.ToDictionary(c => c.Key, c => c.Key == child ? c.Value with { StartAction = action } : c.Value) };
        var json = (JsonObject)JsonSerializer.SerializeToNode(changed, PolicyJson.Options)!;
        return ViciAnswer.Of(await door.ChangeAsync(client, $"{verb} {child}", [ViciDoor.Put(ItemCatalog.Connection, found.Key.Name, json)], [], stop).ConfigureAwait(false));
    }
}
