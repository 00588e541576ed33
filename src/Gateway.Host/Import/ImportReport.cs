using System.Text.Json;
using Gateway.Policy;
using Gateway.Policy.Commands;

namespace Gateway.Host.Import;

/// <summary>Something of a foreign configuration that the gateway's does not hold.</summary>
/// <param name="Path">Its name there, for example <c>connections.lab.pools</c> or a file's.</param>
/// <param name="Where">File and line, or empty.</param>
/// <param name="Matters">False when the gateway behaves the same without it.</param>
/// <param name="Sentence">What is different without it; holds no secret.</param>
public sealed record NotCarriedOver(string Path, string Where, bool Matters, string Sentence)
{
    public override string ToString() => $"{Path}: {Sentence}{(Where.Length > 0 ? $" ({Where})" : "")}";
}

/// <summary>
/// What was read: the items to put, and everything that is not among them. Not a record, because items of kind <c>secret</c> hold their values.
/// </summary>
public sealed class ImportReport
{
    /// <summary>Items in the order certificates and keys, secrets, authorities, connections, policies.</summary>
    public required IReadOnlyList<ItemPutRequest> Items { get; init; }

    public required IReadOnlyList<NotCarriedOver> NotCarriedOver { get; init; }

    /// <summary>Why nothing could be read, with file and line; then there are no items.</summary>
    public required string? Error { get; init; }

    /// <summary>One transaction that puts all items.</summary>
    public Command.Transaction ToTransaction(string id, string? issuer, string? reason, TransactionMode mode = TransactionMode.Apply) =>
        new() { Id = id, Issuer = issuer, Reason = reason, Mode = mode, Put = [.. Items] };

    /// <summary>The document that <c>gateway apply</c> takes. It holds the secrets.</summary>
    public string ToJson(string id, string? issuer, string? reason) =>
        JsonSerializer.Serialize(new { id, issuer, reason, put = Items.Select(i => new { kind = i.Kind, name = i.Name, spec = i.Spec }) }, PolicyJson.Options);
}
