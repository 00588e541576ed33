using System.IO.Compression;
using System.Text.Json;
using Gateway.Host.Api;
using Gateway.Host.Journal.Heads;
using Gateway.Host.Journal.History;
using Gateway.Policy.Journal;

namespace Gateway.Host.Journal.Bundles;

/// <summary>
/// Writes a period of the journal so that it can be verified by itself: JSON lines, gzipped. The header, then the events, among them the signed heads of the
/// period, then the end. The chain is checked on the way, so that a damaged journal gives no bundle.
/// </summary>
public static class BundleWriter
{
    /// <summary>Writes the events behind <paramref name="begin"/> up to <paramref name="to"/>.</summary>
    /// <param name="journal">Where they are.</param>
    /// <param name="begin">The event before the first one.</param>
    /// <param name="to">Position of the last one; the journal reaches it.</param>
    /// <param name="signing">Key and known heads; with a key pair the bundle's own end is signed.</param>
    /// <param name="stream">Where the bundle goes; it is left open.</param>
    /// <param name="cancellationToken">Ends the writing.</param>
    /// <exception cref="JournalDamagedException">The journal does not hold what was asked for.</exception>
    public static async Task<JournalHead> WriteAsync(IJournal journal, JournalHead begin, long to, BundleSigning signing, Stream stream, CancellationToken cancellationToken)
    {
        var gzip = new GZipStream(stream, CompressionLevel.Optimal, leaveOpen: true);
        await using (gzip.ConfigureAwait(false))
        {
            var header = new BundleHeader
            {
                Bundle = BundleReader.Magic,
                Version = 1,
                Gateway = signing.Gateway,
                From = begin.Position + 1,
                To = to,
                Before = begin.Hash,
                Made = signing.Clock.GetUtcNow(),
                PublicKey = signing.Key?.PublicKey,
            };
            await LineAsync(gzip, header, cancellationToken).ConfigureAwait(false);
            var heads = new Queue<SignedHead>(signing.Heads.Where(h => h.Position > begin.Position && h.Position <= to).OrderBy(h => h.Position));
            var (head, signed) = (begin, 0L);
            await foreach (var page in journal.ReadPagesAsync(begin.Position + 1, cancellationToken).ConfigureAwait(false))
            {
                foreach (var e in page)
                {
                    if (head.Position == to) break;
                    if (ChainFault.Of(head, e) is { } fault) throw new JournalDamagedException(fault.Position, fault.Sentence);
                    await LineAsync(gzip, new BundleLine { Event = BundleEvent.Of(e) }, cancellationToken).ConfigureAwait(false);
                    head = new JournalHead(e.Position, e.Hash);
                    while (heads.TryPeek(out var next) && next.Position <= head.Position)
                    {
                        heads.Dequeue();
                        if (next.Head != head) continue;
                        await LineAsync(gzip, new BundleLine { Head = next }, cancellationToken).ConfigureAwait(false);
                        signed = next.Position;
                    }
                }

                if (head.Position == to) break;
            }

            if (head.Position != to) throw new JournalDamagedException(head.Position + 1, $"Position {head.Position + 1} is missing.");
            if (signed < to && signing.Key is { IsPair: true } key)
                await LineAsync(gzip, new BundleLine { Head = SignedHead.Sign(signing.Gateway, head, signing.Clock.GetUtcNow(), key) }, cancellationToken).ConfigureAwait(false);
            await LineAsync(gzip, new BundleLine { End = new BundleEnd(to - begin.Position, head.Hash) }, cancellationToken).ConfigureAwait(false);
            return head;
        }
    }

    private static async ValueTask LineAsync<T>(GZipStream to, T line, CancellationToken cancellationToken)
    {
        await to.WriteAsync(JsonSerializer.SerializeToUtf8Bytes(line, ApiJson.Options), cancellationToken).ConfigureAwait(false);
        to.WriteByte((byte)'\n');
    }
}

/// <summary>Who vouches for a bundle.</summary>
public sealed record BundleSigning
{
    /// <summary>Id of the gateway.</summary>
    public required string Gateway { get; init; }

    /// <summary>Null: there is no key at hand.</summary>
    public HeadKey? Key { get; init; }

    public IReadOnlyList<SignedHead> Heads { get; init; } = [];

    public TimeProvider Clock { get; init; } = TimeProvider.System;
}
