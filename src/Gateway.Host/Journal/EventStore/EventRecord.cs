using System.Diagnostics.CodeAnalysis;
using System.IO.Compression;
using System.Text.Json;
using Gateway.Host.Journal.EventStore.Contract;
using Gateway.Policy;
using Gateway.Policy.Journal;
using Google.Protobuf;

namespace Gateway.Host.Journal.EventStore;

/// <summary>An event of the journal, with the records of the commands that end with it.</summary>
internal sealed record JournalEntry(Envelope Envelope, IReadOnlyList<RecordedCommand> Commands);

/// <summary>
/// How an event of the journal lies in the store: type = its name, data = its JSON, revision = position − 1; everything else that the hash chain covers, and
/// the hash, is JSON in its metadata. So the chain is verified over the store as over a file, and other programs read the events as plain JSON.
/// </summary>
internal static class EventRecord
{
    /// <summary>Data that is longer is stored compressed, which the metadata says: one event must fit into one append.</summary>
    public const int CompressAbove = 256 * 1024;

    /// <summary>Longest data after decompression; what a journal never holds.</summary>
    private const int MaxData = 64 * 1024 * 1024;

    private const string Brotli = "br";

    public static AppendReq.Types.ProposedMessage Write(JournalEntry entry)
    {
        var e = entry.Envelope;
        var compress = e.Data.Length > CompressAbove;
        var metadata = new EventMetadata
        {
            Position = e.Position,
            Subject = e.Subject,
            Time = e.Time,
            CommandId = e.CommandId,
            Door = e.Principal.Door,
            Who = e.Principal.Name,
            Issuer = e.Issuer,
            Cause = e.Cause,
            Hash = e.Hash,
            Encoding = compress ? Brotli : null,
            Commands = entry.Commands.Count == 0 ? null : [.. entry.Commands.Select(Of)],
        };
        var message = new AppendReq.Types.ProposedMessage
        {
            Id = new UUID { String = IdOf(e).ToString() },
            CustomMetadata = UnsafeByteOperations.UnsafeWrap(JsonSerializer.SerializeToUtf8Bytes(metadata, EventMetadataJson.Options)),
            Data = compress ? UnsafeByteOperations.UnsafeWrap(Compress(e.Data.Span)) : UnsafeByteOperations.UnsafeWrap(e.Data.Memory),
        };
        message.Metadata.Add("type", e.Name);
        message.Metadata.Add("content-type", compress ? "application/octet-stream" : "application/json");
        return message;
    }

    /// <summary>Reads an event; false with the reason when no gateway wrote it.</summary>
    /// <param name="revision">Its number in the stream; null when it is not in one yet.</param>
    public static bool TryRead(long? revision, string name, ReadOnlySpan<byte> metadata, ReadOnlySpan<byte> data, [NotNullWhen(true)] out JournalEntry? entry, [NotNullWhen(false)] out string? problem)
    {
        (entry, problem) = (null, null);
        try
        {
            if (JsonSerializer.Deserialize<EventMetadata>(metadata, EventMetadataJson.Options) is not { } m)
            {
                problem = "it has no metadata";
                return false;
            }

            if (m.Position < 1 || (revision is { } number && m.Position != number + 1))
            {
                problem = $"its metadata says position {m.Position}";
                return false;
            }

            if (m.Encoding is not (null or Brotli))
            {
                problem = $"its data is encoded as {m.Encoding}, which this version does not know";
                return false;
            }

            var envelope = new Envelope
            {
                Position = m.Position,
                Subject = m.Subject,
                Name = name,
                Time = m.Time.ToUniversalTime(),
                CommandId = m.CommandId,
                Principal = new Principal(m.Door, m.Who),
                Issuer = m.Issuer,
                Cause = m.Cause,
                Data = m.Encoding is null ? new Octets(data) : Decompress(data),
                Hash = m.Hash,
            };
            entry = new JournalEntry(envelope, m.Commands is null ? [] : [.. m.Commands.Select(Of)]);
            return true;
        }
        catch (Exception e) when (e is JsonException or InvalidDataException or InvalidOperationException or FormatException or NotSupportedException)
        {
            problem = "no gateway wrote it: " + e.Message.Split(" Path:")[0];
            return false;
        }
    }

    /// <summary>
    /// The event's id in the store, from its hash: which covers command id and place, so the same event has the same id in every try, and another event at the
    /// same place, or the same command decided anew, has another (a UUID of version 8, RFC 9562 §5.8).
    /// </summary>
    public static Guid IdOf(Envelope e)
    {
        Span<byte> id = stackalloc byte[16];
        e.Hash.Span[..16].CopyTo(id);
        id[6] = (byte)((id[6] & 0x0f) | 0x80);
        id[8] = (byte)((id[8] & 0x3f) | 0x80);
        return new Guid(id, bigEndian: true);
    }

    /// <summary>Lays each command's record on the last event of that command, so that it is there exactly when the whole of it is.</summary>
    public static IReadOnlyList<JournalEntry> Join(AppendBatch batch)
    {
        var entries = batch.Envelopes.Select(e => new JournalEntry(e, [])).ToArray();
        if (batch.Commands.Count == 0) return entries;
        var last = new Dictionary<CommandKey, int>();
        for (var i = 0; i < entries.Length; i++)
            if (entries[i].Envelope is { CommandId: { } id } e) last[new CommandKey(e.Principal, id)] = i;
        foreach (var command in batch.Commands)
        {
            var at = last.TryGetValue(command.Key, out var found) ? found : entries.Length - 1;
            if (at < 0) throw new ArgumentException("A command without any event cannot be recorded in this store.", nameof(batch));
            entries[at] = entries[at] with { Commands = [.. entries[at].Commands, command] };
        }

        return entries;
    }

    private static EventMetadata.Command Of(RecordedCommand c)
    {
        var compress = c.Outcome.Length > 1024;
        return new EventMetadata.Command
        {
            Door = c.Key.Principal.Door,
            Who = c.Key.Principal.Name,
            Id = c.Key.Id,
            Body = c.BodyHash,
            First = c.FirstPosition,
            Encoding = compress ? Brotli : null,
            Outcome = compress ? Compress(c.Outcome.Span) : c.Outcome.Span.ToArray(),
        };
    }

    private static RecordedCommand Of(EventMetadata.Command c) =>
        new(new CommandKey(new Principal(c.Door, c.Who), c.Id), c.Body, c.First, c.Encoding is null ? new Octets(c.Outcome) : Decompress(c.Outcome));

    private static byte[] Compress(ReadOnlySpan<byte> data)
    {
        var compressed = new byte[BrotliEncoder.GetMaxCompressedLength(data.Length)];
        return BrotliEncoder.TryCompress(data, compressed, out var length, quality: 4, window: 22) ? compressed[..length] : throw new InvalidDataException("The data cannot be compressed.");
    }

    private static Octets Decompress(ReadOnlySpan<byte> data)
    {
        using var input = new MemoryStream(data.ToArray());
        using var brotli = new BrotliStream(input, CompressionMode.Decompress);
        using var output = new MemoryStream();
        var buffer = new byte[64 * 1024];
        int got;
        while ((got = brotli.Read(buffer)) > 0)
        {
            output.Write(buffer, 0, got);
            if (output.Length > MaxData) throw new InvalidDataException("its data is longer than an event can be");
        }

        return new Octets(output.GetBuffer().AsSpan(0, (int)output.Length));
    }
}
