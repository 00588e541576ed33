using System.Text.Json;
using System.Text.Json.Nodes;
using Gateway.Policy.Commands;
using Gateway.Policy.Items;
using Gateway.Policy.Journal;

namespace Gateway.Host.Vici.Server;

/// <summary>Turns what vici asks for into commands of the gateway: transactions and SA commands, with the client's uid as their principal.</summary>
internal sealed class ViciDoor(IViciFace face)
{
    /// <summary>The items of a kind that were loaded over vici. swanctl unloads those that its file does not name any more; what others put it must leave alone.</summary>
    public IEnumerable<Item> Loaded(string kind) => face.Running.OfKind(kind).Where(i => i.Owner?.Door == "vici").OrderBy(i => i.Key.Name, StringComparer.Ordinal);

    /// <summary>Puts and deletes items in one transaction.</summary>
    public Task<Outcome> ChangeAsync(IViciClient client, string reason, IEnumerable<ItemPutRequest> put, IEnumerable<ItemDeleteRequest> delete, CancellationToken stop)
    {
        var command = new Command.Transaction { Id = NewId(), Issuer = "vici", Reason = reason, Put = [.. put], Delete = [.. delete] };
        var touched = command.Put.Select(p => new ItemKey(p.Kind, p.Name)).Concat(command.Delete.Select(d => new ItemKey(d.Kind, d.Name)));
        return face.HandleAsync(command with { TakeOwnership = touched.Any(k => IsOwnElsewhere(k, client.Principal)) }, client.Principal, stop);
    }

    public Task<Outcome> DeleteAsync(IViciClient client, string reason, string kind, string name, CancellationToken stop) =>
        ChangeAsync(client, reason, [], [new ItemDeleteRequest(kind, name)], stop);

    public Task<Outcome> SaAsync(IViciClient client, SaVerb verb, string connection, string? child, ulong? number, CancellationToken stop, bool reauth = false) => face.HandleAsync(
        new Command.Sa { Id = NewId(), Issuer = "vici", Verb = verb, Connection = connection, Child = child, Number = number, Reauth = reauth }, client.Principal, stop);

    public static ItemPutRequest Put(string kind, string name, JsonObject spec) => new(kind, name, JsonSerializer.SerializeToElement(spec));

    // The same user has put it through another door, with gateway import swanctl for example. What is others' stays theirs.
    private bool IsOwnElsewhere(ItemKey key, Principal principal) =>
        face.Running.TryGetValue(key, out var item) && item.Owner is { } owner && owner.Name == principal.Name && owner.Door == "http";

    // The protocol has no ids of its own, so that each request is a new command.
    private static string NewId() => "vici-" + Guid.NewGuid().ToString("N");
}
