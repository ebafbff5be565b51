// Lines over time on a canvas. Of ECharts only this is taken, in a chunk of its own; what the pointer shows is drawn, since
// the policy of the page takes no styles out of markup.
import { LineChart } from 'echarts/charts';
import { GridComponent, TooltipComponent } from 'echarts/components';
import { type EChartsType, init, use } from 'echarts/core';
import { CanvasRenderer } from 'echarts/renderers';
import { useEffect, useRef } from 'react';
import { usePalette } from '../theme/theme.tsx';
import { mono, sans } from '../theme/tokens.ts';
import { groups } from './format.ts';

use([LineChart, GridComponent, TooltipComponent, CanvasRenderer]);

export interface Line {
  name: string;
  colour: 'act' | 'failed';
  dashed?: boolean; // colour alone tells no line from another
  values: number[];
}

export default function Lines({ labels, lines, said }: { labels: string[]; lines: Line[]; said: string }) {
  const palette = usePalette();
  const box = useRef<HTMLDivElement>(null);
  const chart = useRef<EChartsType | null>(null);
  useEffect(() => {
    if (!box.current) return;
    const made = init(box.current, null, { renderer: 'canvas' });
    chart.current = made;
    const watch = new ResizeObserver(() => made.resize());
    watch.observe(box.current);
    return () => {
      watch.disconnect();
      made.dispose();
      chart.current = null;
    };
  }, []);
  useEffect(() => {
    const text = { color: palette.second, fontFamily: sans, fontSize: 12 };
    chart.current?.setOption(
      {
        animation: false,
        grid: { left: 8, right: 12, top: 12, bottom: 4, containLabel: true },
        tooltip: {
          trigger: 'axis',
          renderMode: 'richText',
          backgroundColor: palette.band,
          borderColor: palette.line,
          textStyle: { ...text, color: palette.text, fontFamily: mono },
          valueFormatter: (value: unknown) => groups(Number(value)),
        },
        xAxis: { type: 'category', data: labels, boundaryGap: false, axisLabel: text, axisLine: { lineStyle: { color: palette.field } }, axisTick: { show: false } },
        yAxis: { type: 'value', minInterval: 1, axisLabel: { ...text, formatter: groups }, splitLine: { lineStyle: { color: palette.line } } },
        series: lines.map((line) => ({
          type: 'line',
          name: line.name,
          data: line.values,
          showSymbol: false,
          color: palette[line.colour],
          lineStyle: { width: 2, type: line.dashed ? 'dashed' : 'solid' },
        })),
      },
      { notMerge: true },
    );
  }, [labels, lines, palette]);
  return <div ref={box} role="img" aria-label={said} className="line-chart" />;
}
