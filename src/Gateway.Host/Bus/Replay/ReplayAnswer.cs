using System.Buffers;
using System.Runtime.CompilerServices;
using System.Text.Json;
using Gateway.Policy.Journal;

namespace Gateway.Host.Bus.Replay;

/// <summary>Reads the journal for a request and cuts the answer into pieces of a bounded size, each the JSON of a <see cref="ReplayBatch"/>.</summary>
internal static class ReplayAnswer
{
    /// <summary>Events of one piece.</summary>
    public const int MaxBatch = 256;

    /// <summary>Octets after which a piece is closed; one event more may be in it.</summary>
    public const int MaxBytes = 256 * 1024;

    public static async IAsyncEnumerable<ReadOnlyMemory<byte>> PiecesAsync(ReplayRequest request, string gateway, IJournal journal, long head, [EnumeratorCancellation] CancellationToken stop)
    {
        var left = Math.Min(request.Limit ?? ReplayRequest.MaxEvents, ReplayRequest.MaxEvents);
        var end = Math.Min(request.To ?? head, head);
        var next = request.From;
        using var piece = new Piece(gateway, head);
        if (next <= end)
        {
            await foreach (var e in journal.ReadAsync(next, stop).ConfigureAwait(false))
            {
                piece.Add(e);
                next = e.Position + 1;
                if (--left == 0 || next > end) break;
                if (piece.IsFull) yield return piece.Close(last: false, null);
            }
        }

        // Only what was asked for and is there is more: a limit of the sender's own is no cut.
        yield return piece.Close(last: true, next <= end && (request.Limit is null || request.To is not null) ? next : null);
    }

    /// <summary>An answer that is a refusal.</summary>
    public static ReadOnlyMemory<byte> Refusal(string gateway, long head, ReplayError error) => BusMessage.Json(new ReplayBatch { Gateway = gateway, Head = head, Last = true, Error = error });

    private sealed class Piece(string gateway, long head) : IDisposable
    {
        private readonly ArrayBufferWriter<byte> _buffer = new(MaxBytes / 4);
        private Utf8JsonWriter? _json;
        private int _count;

        public bool IsFull => _count >= MaxBatch || _json is { } json && json.BytesCommitted + json.BytesPending >= MaxBytes;

        public void Add(Envelope e)
        {
            EventMessage.Write(e, Open());
            _count++;
        }

        public ReadOnlyMemory<byte> Close(bool last, long? next)
        {
            var json = Open();
            json.WriteEndArray();
            json.WriteBoolean("last", last);
            if (next is { } position) json.WriteNumber("next", position);
            json.WriteEndObject();
            json.Dispose();
            var body = _buffer.WrittenSpan.ToArray();
            _buffer.Clear();
            (_json, _count) = (null, 0);
            return body;
        }

        public void Dispose() => _json?.Dispose();

        private Utf8JsonWriter Open()
        {
            if (_json is not null) return _json;
            _json = new Utf8JsonWriter(_buffer, EventMessage.Writing);
            _json.WriteStartObject();
            _json.WriteString("gateway", gateway);
            _json.WriteNumber("head", head);
            _json.WriteStartArray("events");
            return _json;
        }
    }
}
